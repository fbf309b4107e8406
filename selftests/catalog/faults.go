package catalog

// faultsTests is the area of faults that hurt the kernel.
var faultsTests []Test
