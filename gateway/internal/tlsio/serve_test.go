package tlsio

import (
	"runtime"
	"testing"
	"time"
)

// TestAGoroutineMakesOneHandshakeAfterAnother and is gone when none comes for a while.
func TestAGoroutineMakesOneHandshakeAfterAnother(t *testing.T) {
	before := runtime.NumGoroutine()
	pool, config := NewPool(8, 1), serverConfig(t)
	pool.rest = 5 * time.Second // in which a machine that has other work comes to the next one
	for range 3 {
		shaken(t, pool, config, anyServer())
		eventually(t, "one waits for another handshake", func() bool { return pool.resting.Load() == 1 })
	}
	eventually(t, "it has ended", func() bool { return pool.resting.Load() == 0 && runtime.NumGoroutine() <= before })
}
