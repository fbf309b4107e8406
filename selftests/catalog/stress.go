package catalog

// stressTests is the area of many enablers, and many at once.
var stressTests []Test
