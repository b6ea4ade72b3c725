package cage

import (
	"errors"
)

// MachineCgroup is "v2", "v1" (hybrid too, where the controllers are on v1) or "none".
func MachineCgroup() string { return "none" }

func openGroups(id string) (yardGroups, error) {
	return nil, errors.New("cgroups are not used yet")
}
