package catalog

// leaksTests is the area of what the kernel keeps.
var leaksTests []Test
