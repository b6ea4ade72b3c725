package traffic

import (
	"context"
	"sync"
	"time"
)

// Saturate runs a closed loop instead of Run: connections clients for each
// target, each of which sends its next request when it has the answer to the
// last one, on one connection that is kept alive if the configuration says so.
// It finds out what a server can do at most; the latencies of such a run say
// little, since a slow server is asked less often (coordinated omission), and
// so they count from the sending. Nothing is tried again, whatever SetRetry
// says. It ends when ctx does; what is in flight then is cut off and stays in
// the books as InFlight.
func (g *Generator) Saturate(ctx context.Context, connections int) error {
	if err := g.begin(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() {
		for _, c := range g.clients {
			c.cut()
		}
	})()
	var all sync.WaitGroup
	for _, c := range g.clients {
		for range connections {
			all.Go(func() { g.loop(ctx, c) })
		}
	}
	all.Wait()
	return nil
}

func (g *Generator) loop(ctx context.Context, c *client) {
	d := newDraws(g.cfg.Seed, g.cfg.Even, g.cfg.Workload)
	var cn *conn
	for ctx.Err() == nil {
		a := Arrival{ID: g.arrivals.Add(1), Intended: time.Now()}
		_, a.Steps = d.at(a.ID)
		if f := c.start(&a, &a.Steps); f != nil {
			cn = f.do(cn)
			c.running.Done()
		}
	}
	if cn != nil {
		cn.close()
	}
}
