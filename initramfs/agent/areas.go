package main

// areas are the main functions of the programs under selftests/ by name. This
// file is replaced when the image is built (initramfs.Build).
var areas map[string]func()
