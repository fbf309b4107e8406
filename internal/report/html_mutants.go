package report

// lineMutant is a broken version of a line that was tried.
type lineMutant struct {
	mark
	Name string
	Ref  string
}

// mutantTable says what became of the broken versions of the patch.
type mutantTable struct {
	On string
}
