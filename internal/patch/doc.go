// Package patch reads a patch in whatever form it arrives, restores one whose
// whitespace a web archive has eaten, checks it against a source tree and
// applies it in memory.
//
// A patch is somebody else's text. Nothing here writes to disk; no path leads
// out of the tree, into .git or through a symbolic link; sizes are bounded.
//
// What counts as proof: git writes the blob id of a file before and after the
// patch into its "index" line. A file is proven when the result of the patch
// hashes to the second id. Restore hands out nothing else unless it is asked
// to, and then the patch says so itself.
package patch
