package eventloop

// maxEvents is how many descriptors one round serves. More would let a busy
// round keep the timers waiting; nginx takes 512, libuv 1024.
const maxEvents = 256

// event says that a descriptor is worth a try. That's all that is made of it:
// whether there is something to read, read(2) will say.
type event struct {
	fd       int32
	readable bool
	writable bool
	eof      bool // no more will come after what can be read
	gone     bool // nobody is there to read an answer
}

// trigger is when a descriptor reports itself.
type trigger uint32
