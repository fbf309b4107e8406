package catalog

// sourcesTests is the area of everything that may enable an event.
var sourcesTests []Test
