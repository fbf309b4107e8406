// Package layout lays out lines of C whose whitespace is lost the way the file
// they belong to is laid out.
//
// A line is taken at a time, in a state that the lines before it leave behind:
// open brackets, the statement that goes on, heads that wait for their body, a
// comment, a macro. Rules propose whitespace for it: below the sibling, eight
// columns behind the head, at what follows the open bracket, in the column that
// the neighbour has. Which rule counts how much in which situation is no
// opinion: priors.txt says how often each holds in the source of the kernel, and
// the file itself says how often it held there, near the hunk above all.
//
// Where the likeliest layout is not the right one, Variants has the others, the
// likeliest first, and Habits has what an author may be doing everywhere. The
// package can't tell which is right: its user can, by the hash.
//
// Files that are not C get the same treatment; their lines mostly follow their
// neighbours, and the less the rules fit, the more doubts are reported.
package layout
