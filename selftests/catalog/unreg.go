package catalog

// unregTests is the area of unregistering, which generation g3 brought.
var unregTests []Test
