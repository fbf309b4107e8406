package catalog

import "slices"

// Question is what a reviewer of the RFC asked on the list. Tests that help to
// answer it name its id.
type Question struct {
	ID      string // stable
	Ask     string // one line
	Message string // message id of the mail
	Answer  string // what the tests that name it show, if they see what the catalogue expects
}

// questions are in the order of the thread. The last three are about patch 2/2;
// what is answered is how 1/2 behaves without it.
var questions = []Question{
	{
		ID:      "bit-field",
		Ask:     "are bit fields right in a uapi struct?",
		Message: "7cad3dde-b1c5-935d-23bc-61e98c3a7b07@efficios.com",
		Answer:  "no: what stands beside the five bits is ignored, so a program of the later header that asks for bit 63 of eight bytes gets bit 31 of four, and no error; g3 has bytes that are checked",
	},
	{
		ID:      "failed-enabler",
		Ask:     "is the event freed if its enabler cannot be made?",
		Message: "20221031234703.e275650899728e64cd3fb6c3@kernel.org",
		Answer:  "no: REG returns ENOMEM, and the event is held until the descriptor is closed; then it can be deleted",
	},
	{
		ID:      "status-mode",
		Ask:     "should the status file lose its write mode, now that nobody maps it?",
		Message: "20221031234703.e275650899728e64cd3fb6c3@kernel.org",
		Answer:  "yes: the mode is still 0640 although a write is EINVAL and mmap ENODEV; g3 has 0440",
	},
	{
		ID:      "return-states",
		Ask:     "which errors does registering return, and when?",
		Message: "20221101085501.443f2ac77bfb0803b91517c2@kernel.org",
		Answer:  "EFAULT, E2BIG and EINVAL for the struct, EINVAL and then EFAULT for the address, EFAULT and EINVAL for the description, in this order; a place or an index that can't be written is no error at all",
	},
	{
		ID:      "duplicate-enablers",
		Ask:     "may one address have several enablers?",
		Message: "20221101164530.GA69@W11-BEAU-MD.localdomain",
		Answer:  "yes, any number, for one event or several: with several the last toggle wins over those that are still on, and there is no bound; g3 refuses with EADDRINUSE",
	},
	{
		ID:      "child-registers-again",
		Ask:     "why must a child register again?",
		Message: "96d9f066-2f39-78e6-9be7-f9c69235615e@efficios.com",
		Answer:  "because after a fork the registrar's copy alone is written; even then the child has to write its page before, or the write fails; g3 gives a child places of its own and refuses its REG",
	},
	{
		ID:      "lifetime-with-file",
		Ask:     "with enablers that live as long as the file: is memory corrupted after exec, or when the descriptor is passed on?",
		Message: "3ff4d759-307e-31a2-4124-98de9e423d7e@efficios.com",
		Answer:  "no: after exit, exec or a descriptor passed on the writes fail and are logged until the last close, and nothing else is written; but a bit that is set at the close stays set",
	},
	{
		ID:      "concurrent-update",
		Ask:     "is it safe for user and kernel to update the word at the same time?",
		Message: "20221031231556.a15846fd3513641d48820d5b@kernel.org",
		Answer:  "yes: no add of the program is lost to tens of thousands of the kernel's writes beside it, in the word nor in the one behind; a kernel whose writes are not atomic loses thousands",
	},
	{
		ID:      "bad-address-delay",
		Ask:     "do bad addresses delay everybody else, since they are tried under event_mutex?",
		Message: "20221031171257.GB149@W11-BEAU-MD.localdomain",
		Answer:  "yes: no page is waited for, but each bad address costs a log line, some 60 µs under emulation where a good one costs 1, under event_mutex and without a limit; on g3 a worker tries, and REG refuses what is bad then",
	},
	{
		ID:      "retry-after-fault",
		Ask:     "is the write tried again if the page vanishes?",
		Message: "7697b674-1dab-4995-9589-9dfb2a65bb73@efficios.com",
		Answer:  "no: what failed stays as it is until the next toggle of the event, whatever the program does to the page; g3 faults the page in and tries again",
	},
	{
		ID:      "word-size",
		Ask:     "how large is the word, and which half of it on a 64-bit big endian machine?",
		Message: "c6799933-d84b-e4dc-433c-bf1acc9ba03a@efficios.com",
		Answer:  "four bytes by the promise, eight by the access: the bits beside stay, but the last word of a page reaches into the next; the half on big endian takes such a machine and is not measured",
	},
	{
		ID:      "waits-for-fault",
		Ask:     "does who enables the event wait for a page to be faulted in?",
		Message: "a18e940d-8423-0294-23b4-f2702313f3eb@efficios.com",
		Answer:  "no: nothing is faulted in, neither by a toggle nor by REG, but for pages of hugetlb, and there a page that userfaultfd holds back is not waited for; on g3 REG waits for the page, and a toggle leaves it to a worker",
	},
}

// Questions returns the reviewers' questions.
func Questions() []Question { return slices.Clone(questions) }
