package lessons

import "testing"

// TestEmbedded: the lessons of this program are what the lint asks for.
func TestEmbedded(t *testing.T) {
	list, err := Lint("", LintOptions{Release: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		t.Error(f)
	}
}
