// Package model is a reference model of the user_events ABI: what each
// generation does, written down as a small program that can be run beside the
// kernel.
//
// A Program is a sequence of operations on processes, their pages, files and
// events, one a line:
//
//	open p0 f0
//	map p0 page0 private
//	store p0 page0.0 0x100
//	register p0 f0 ev0 page0.0 bit3
//	fork p0 p1
//	enable file ev0
//
// A Model predicts for each operation an Observation: its result, how many
// lines the kernel logs, the words of every page that is in a page table, and
// who uses each event. Random programs (Generate) are run on a kernel by a
// Runner and compared with the prediction step by step (Search); a program on
// which the two part is cut down to the shortest that still does (Shrink).
//
// A Model follows the kernel as it is, known deviations from the changelog
// included. With a Promise it follows what the changelog says instead; then a
// search finds the deviation.
//
// The package starts nothing and knows no kernel; the operations are carried
// out by selftests/model in the guest.
package model
