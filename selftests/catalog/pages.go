package catalog

// pagesTests is the area of the kinds of pages that a word may lie in.
var pagesTests []Test
