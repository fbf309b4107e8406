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
	},
	{
		ID:      "failed-enabler",
		Ask:     "is the event freed if its enabler cannot be made?",
		Message: "20221031234703.e275650899728e64cd3fb6c3@kernel.org",
	},
	{
		ID:      "status-mode",
		Ask:     "should the status file lose its write mode, now that nobody maps it?",
		Message: "20221031234703.e275650899728e64cd3fb6c3@kernel.org",
	},
	{
		ID:      "return-states",
		Ask:     "which errors does registering return, and when?",
		Message: "20221101085501.443f2ac77bfb0803b91517c2@kernel.org",
	},
	{
		ID:      "duplicate-enablers",
		Ask:     "may one address have several enablers?",
		Message: "20221101164530.GA69@W11-BEAU-MD.localdomain",
	},
	{
		ID:      "child-registers-again",
		Ask:     "why must a child register again?",
		Message: "96d9f066-2f39-78e6-9be7-f9c69235615e@efficios.com",
	},
	{
		ID:      "lifetime-with-file",
		Ask:     "with enablers that live as long as the file: is memory corrupted after exec, or when the descriptor is passed on?",
		Message: "3ff4d759-307e-31a2-4124-98de9e423d7e@efficios.com",
	},
	{
		ID:      "concurrent-update",
		Ask:     "is it safe for user and kernel to update the word at the same time?",
		Message: "20221031231556.a15846fd3513641d48820d5b@kernel.org",
	},
	{
		ID:      "bad-address-delay",
		Ask:     "do bad addresses delay everybody else, since they are tried under event_mutex?",
		Message: "20221031171257.GB149@W11-BEAU-MD.localdomain",
	},
	{
		ID:      "retry-after-fault",
		Ask:     "is the write tried again if the page vanishes?",
		Message: "7697b674-1dab-4995-9589-9dfb2a65bb73@efficios.com",
	},
	{
		ID:      "word-size",
		Ask:     "how large is the word, and which half of it on a 64-bit big endian machine?",
		Message: "c6799933-d84b-e4dc-433c-bf1acc9ba03a@efficios.com",
	},
	{
		ID:      "waits-for-fault",
		Ask:     "does who enables the event wait for a page to be faulted in?",
		Message: "a18e940d-8423-0294-23b4-f2702313f3eb@efficios.com",
	},
}

// Questions returns the reviewers' questions.
func Questions() []Question { return slices.Clone(questions) }
