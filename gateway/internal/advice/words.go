package advice

// words are the parts of sentences that differ from timer to timer.
type words struct {
	one, many  string // what is counted
	did        string // those of which the quiet is known: N of M connections ...
	hasDone    string // the same, of one
	later      string // the same, behind a noun
	dead       string // those of which it is not
	longest    string // begins the sentence that says the greatest quiet
	hadBeen    string // how those are too long that no candidate allows
	longestFor string
	instead    string // what to do about them; "": nothing is known
	untilThat  string
	these      string
	silent     string // who may be dead
	stays      string // what lasts while the timer is off
	tooShort   string // what a value in force is no longer than
	unless     string // when it may be meant so
	nothing    string // of what there was none: ... for longer
	yet        string // those that are open
	couldBe    string // what a value in force keeps from being seen
	cutUnknown string
	ofSilence  string
	didAfter   string // of a remark: clients ... 45s
	atMost     string
}

// key is the timer's key in the policy file.
func (s *study) key() string { return s.Timer.String() }

// count is n of what is counted.
func (w *words) count(n uint64) string {
	if n == 1 {
		return "1 " + w.one
	}
	return number(n) + " " + w.many
}

// yetWith is yet, with how much they are part of.
func (w *words) yetWith(hours string) string {
	if w.yet == "under way" {
		return w.yet + ", with " + hours
	}
	return "open, with " + hours + ", and may yet speak"
}

func wordsOf(t Timer) *words {
	switch t {
	case FirstMessageTimeout:
		return &words{
			one: "connection", many: "connections", did: "had a message from the client", hasDone: "has had a message from its client", later: " whose client spoke",
			dead: " whose client never spoke", longest: "The longest that a client took to its first message was ",
			hadBeen: "had taken", longestFor: "took ", silent: "clients", stays: "a connection whose client never speaks stays",
			tooShort: "clients take to their first message", nothing: "no client said nothing", yet: "open and may yet speak",
			couldBe: "speak so late", cutUnknown: "whether they would have spoken", didAfter: " took to their first message ", atMost: " at most",
		}
	case MessageTimeout:
		return &words{
			one: "message", many: "messages", did: "were finished", hasDone: "was finished", later: " that were finished",
			dead: " that were never finished", longest: "The longest that a client took to finish a message was ",
			hadBeen: "had taken", longestFor: "took ", silent: "clients", stays: "a message that is begun and never finished holds its connection",
			tooShort: "clients take to finish a message", nothing: "no message was under way", yet: "under way",
			couldBe: "take that long", cutUnknown: "whether they would have been finished", didAfter: " took to finish a message ", atMost: " at most",
		}
	case MaxLifetime:
		return &words{
			one: "connection", many: "connections", did: "had a message from the client", hasDone: "has had a message from its client", later: " that were in use",
			dead: " that were not in use any more", longest: "The oldest connection was in use up to an age of ",
			hadBeen: "were in use at an age of", longestFor: "up to ", silent: "clients", stays: "a connection that is in use stays",
			tooShort: "connections are in use", unless: " Leave it if it is there to end connections that are in use, for example to spread them over endpoints again.",
			nothing: "no connection stood", yet: "open and may yet speak",
			couldBe: "be so old", cutUnknown: "for how long they would have been used", didAfter: " used connections up to an age of ", atMost: "",
		}
	}
	return &words{
		one: "connection", many: "connections", did: "spoke again after a silence", hasDone: "has spoken again after a silence", later: " that later spoke",
		dead: " that did not speak again", longest: "The longest silence after which a client spoke again was ",
		hadBeen: "had been silent for", longestFor: "for ", instead: " Give such clients a route of their own, or make them send heartbeats.",
		untilThat: " until then", these: " silences", silent: "silent clients", stays: "a silent connection stays",
		tooShort: "silences after which clients do speak", nothing: "no connection stayed silent", yet: "open and may yet speak",
		couldBe: "be silent for that long", cutUnknown: "whether they would have spoken", ofSilence: " of silence", didAfter: " spoke again after ", atMost: " of silence at most",
	}
}
