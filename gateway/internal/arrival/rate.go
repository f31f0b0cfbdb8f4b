package arrival

// Rate is how much of something may happen in a second, and as much at once after a second in which nothing has. 0: any number.
type Rate int64

const second = int64(1e9) // in nanoseconds

// Bucket says whether a Rate is kept. Its zero value is full. Instants are nanoseconds of one clock; they are never 0.
//
// It is the instant until which what has happened is paid for (the virtual scheduling of ITU-T I.371), so it needs no refilling.
type Bucket struct{ paid int64 }

// Take notes that n have happened, whether or not they may, and returns in how many nanoseconds the rate is kept again; 0: it is
// kept now.
func (b *Bucket) Take(r Rate, n, now int64) (wait int64) {
	b.paid = max(b.paid, now) + cost(r, n)
	return b.Wait(r, now)
}

// Wait returns in how many nanoseconds the rate is kept again; 0: it is kept now.
func (b *Bucket) Wait(r Rate, now int64) int64 {
	if r == 0 {
		return 0
	}
	return max(0, b.paid-now-second)
}

// WaitFor returns in how many nanoseconds n more may happen; 0: now.
func (b *Bucket) WaitFor(r Rate, n, now int64) int64 {
	if r == 0 {
		return 0
	}
	return max(0, max(b.paid, now)+cost(r, n)-now-second)
}

// Room returns how many may happen now.
func (b *Bucket) Room(r Rate, now int64) int64 {
	left := second - (max(b.paid, now) - now)
	if left <= 0 {
		return 0
	}
	return int64(r)/second*left + int64(r)%second*left/second // the first is for rates of more than 1 GB a second
}

// Try notes that one happens if that keeps the rate, and reports whether it does.
func (b *Bucket) Try(r Rate, now int64) bool {
	if r == 0 {
		return true
	}
	paid := max(b.paid, now) + cost(r, 1)
	if paid-now > second {
		return false
	}
	b.paid = paid
	return true
}

// cost is how long n take at the rate. It is rounded up, so that the rate is not overrun by what rounding leaves.
func cost(r Rate, n int64) int64 {
	if r == 0 {
		return 0
	}
	whole, part := n/int64(r), n%int64(r)
	return whole*second + (part*second+int64(r)-1)/int64(r)
}
