package protocol

import (
	"math"
	"math/bits"
)

// How requests of PostgreSQL are paired with replies ("Message Flow", sections "Simple Query", "Extended Query" and "Pipelining").
//
//	client    Parse Bind Execute Sync   Query   Parse Bind Execute   …
//	          └────── a batch ──────┘  a batch  └ behind the last: ┘
//	owed      ReadyForQuery          ReadyForQuery   their own replies
//
// A batch ends with what ReadyForQuery replies to: a Sync, Query or FunctionCall. Of each batch under way it is known whether that
// is a Sync, of those above 64 by the kind of the 64th. What comes behind the last is counted; only Executes are owed a reply there,
// since the server keeps the others back until a Flush.
//
// An error makes the server skip what follows up to a Sync. The batch of an error ends with one, but where a Query has come behind
// messages of the extended protocol without a Sync between them: then it is skipped, too, if one of those fails. One such
// Query at a time is followed.
//
//	State.more of the client's direction      messages behind the last batch, and in the upper half how many of them are Executes
//	State.more of the server's direction      a bit for each batch under way, the next reply lowest: it ends with a Sync
const (
	pgUnsynced   uint32 = 1 << 3 // there is such a Query; the batches before its own, and the messages before it that await replies:
	pgAheadShift        = 4
	pgAheadMax          = 1<<12 - 1
	pgCountShift        = 16
	pgCountMax          = 1<<16 - 1

	pgOneExecute = 1 << 32
)

// pgBatch notes the end of a batch.
func pgBatch(d *Dialogue, sync bool) {
	at := &d.streams[FromClient].more
	if count := *at & math.MaxUint32; count > 0 && !sync {
		if d.facts&pgUnsynced != 0 || d.owed > pgAheadMax || count > pgCountMax {
			d.unpair()
			return
		}
		d.facts |= pgUnsynced | d.owed<<pgAheadShift | uint32(count)<<pgCountShift
	}
	*at = 0
	kinds, above := &d.streams[FromUpstream].more, uint64(math.MaxUint64)<<d.owed
	if sync {
		*kinds |= above
	} else {
		*kinds &^= above
	}
	d.owe()
}

// pgSynced reports whether the next batch to be replied to ends with a Sync.
func pgSynced(d *Dialogue) bool { return d.owed > 0 && d.streams[FromUpstream].more&1 != 0 }

// pgBatchReplied notes ReadyForQuery.
func pgBatchReplied(d *Dialogue) {
	kinds := &d.streams[FromUpstream].more
	*kinds = uint64(int64(*kinds) >> 1) // the highest bit stands for those above it
	d.pay()
	pgEarlyPasses(d)
	switch ahead := d.facts >> pgAheadShift & pgAheadMax; {
	case d.facts&pgUnsynced == 0:
	case ahead == 0:
		pgForgetUnsynced(d)
	default:
		d.facts -= 1 << pgAheadShift
	}
}

func pgForgetUnsynced(d *Dialogue) { d.facts &= pgUnsynced - 1 }

// pgSent notes a message that has a reply of its own.
func pgSent(d *Dialogue, execute bool) {
	at := &d.streams[FromClient].more
	if d.Unpaired() || *at&math.MaxUint32 == math.MaxUint32 {
		d.unpair()
		return
	}
	if *at++; execute {
		*at += pgOneExecute
	}
}

// pgExecutes reports whether an Execute behind the last batch awaits its reply.
func pgExecutes(d *Dialogue) bool { return d.streams[FromClient].more >= pgOneExecute }

// pgDone notes the reply to a message that has one of its own, which may be an Execute. In a batch, that of all counts.
func pgDone(d *Dialogue, execute bool) {
	at := &d.streams[FromClient].more
	switch {
	case pgNextUnsynced(d):
		if d.facts -= 1 << pgCountShift; d.facts>>pgCountShift == 0 {
			pgForgetUnsynced(d)
		}
	case d.owed > 0 || *at&math.MaxUint32 == 0:
	case execute && *at >= pgOneExecute:
		*at -= 1 + pgOneExecute
	case !execute:
		*at = max(*at-1, *at>>32*(1+pgOneExecute)) // each Execute is one of them
	}
}

// pgNextUnsynced reports whether the next reply belongs to what stands before the Query that comes without a Sync.
func pgNextUnsynced(d *Dialogue) bool {
	return d.facts&pgUnsynced != 0 && d.facts>>pgAheadShift&pgAheadMax == 0
}

// pgFails notes an error.
func pgFails(d *Dialogue) {
	at := &d.streams[FromClient].more
	switch {
	case pgNextUnsynced(d):
		pgForgetUnsynced(d)
		kinds := &d.streams[FromUpstream].more
		skipped := uint32(bits.TrailingZeros64(*kinds))
		if skipped < 64 && skipped < d.owed {
			*kinds, d.owed = uint64(int64(*kinds)>>skipped), d.owed-skipped
			return
		}
		d.owed = 0
	case d.owed > 0 || *at == 0:
		return
	}
	*at = 0
	d.streams[FromClient].stage = 0
	d.facts |= pgSkipping
}

// pgCopies notes that the server awaits COPY data, and reports whether that is still to come. A Sync that is there before it is taken for
// a part of it, and has no reply. How many of them there were is not known of data that did not await the server.
func pgCopies(d *Dialogue) bool {
	early := &d.streams[FromClient].stage
	if mark := *early; mark != 0 {
		if *early = 0; pgSynced(d) && mark < pgEarlyBehind {
			d.unpair()
		}
		return false
	}
	if pgSynced(d) {
		d.owed, d.streams[FromClient].more = 0, 1+pgOneExecute
	}
	d.owed = min(d.owed, 1)
	pgForgetUnsynced(d)
	return true
}

// COPY data may have ended before the server awaits it. State.stage of the client's direction has how many batches will be replied to
// before it is clear that the server has ignored that data, and whether it came behind the last of them.
const (
	pgEarlyBehind = 1 << 7
	pgEarlyMax    = pgEarlyBehind - 1
)

// pgCopiedEarly notes that COPY data has ended that the server has not asked for.
func pgCopiedEarly(d *Dialogue) {
	early := &d.streams[FromClient].stage
	*early = uint8(min(d.owed, pgEarlyMax))
	if d.streams[FromClient].more > 0 {
		*early = min(*early+1, pgEarlyMax) | pgEarlyBehind
	}
}

// pgEarlyPasses notes that a batch has been replied to.
func pgEarlyPasses(d *Dialogue) {
	early := &d.streams[FromClient].stage
	if *early&pgEarlyMax != 0 {
		*early--
	}
	if *early&pgEarlyMax == 0 {
		*early = 0
	}
}
