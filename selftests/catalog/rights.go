package catalog

// rightsTests is the area of who may do what.
var rightsTests []Test
