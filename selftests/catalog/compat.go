package catalog

// compatTests is the area of 32-bit callers.
var compatTests []Test
