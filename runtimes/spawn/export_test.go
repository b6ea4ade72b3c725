package spawn

// CleanDescriptors is done once by the first Start; a test opens more later.
var CleanDescriptors = cleanDescriptors
