package container

func prepareInUserNamespace(binds []binding) (prepared, error) { return prepared{}, nil }
