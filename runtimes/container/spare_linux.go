package container

// spare makes a sandbox that waits for its program.
func (n *native) spare() (spare, error) {
	p, err := n.park()
	if err != nil {
		return nil, err // not a nil *parked in a spare
	}
	return p, nil
}
