package proc

// GuardTerminal has the guard set a terminal back should uetest be killed.
// device is its path, settings what "stty -g" would print for it. forget is for
// when that has been done here.
func GuardTerminal(device, settings string) (forget func(), err error) {
	entry := "t " + device + " " + settings
	if err := theGuard.add(entry); err != nil {
		return nil, err
	}
	return func() { theGuard.remove(entry) }, nil
}
