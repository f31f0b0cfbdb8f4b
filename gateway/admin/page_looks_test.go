package admin

import (
	"fmt"
	"math"
	"strings"

	"github.com/chromedp/chromedp"
)

func fitsPhone(b *tab) {
	b.excuse("422")
	b.do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile))
	width := func(what string) {
		b.Helper()
		if width := evaluate[int](b, "document.scrollingElement.scrollWidth"); width > 360 {
			b.Errorf("%s: the page is %d pixels wide", what, width)
		}
	}
	width("at first")
	b.shoot("phone")
	for _, section := range []string{"routes", "upstreams", "connections", "ended"} {
		evaluate[bool](b, `document.getElementById("`+section+`").scrollIntoView({behavior: "instant"}), true`)
		b.shoot("phone-" + section)
	}
	expect(b, "edges of the close buttons", evaluate[[]float64](b, `[...document.querySelectorAll('[data-is="close"]')].map((button) =>
		Math.max(0, button.getBoundingClientRect().right - button.parentNode.getBoundingClientRect().right)).filter((n) => n > 0)`), []float64{})
	b.fleet.breakFile(true)
	b.click("#reload")
	b.until(`document.querySelector(".source")`)
	width("with a long line of the policy file")
	b.shoot("phone-refused")
	b.click("#dismiss")
	b.click(`#connection-rows [data-is="id"]`)
	b.until(`document.querySelector("#details[open] tbody tr")`)
	width("with the details of a connection")
	b.shoot("phone-details")
}

// contrast is a script that measures colours as WCAG 2 does. Whatever form a colour has, a canvas makes it bytes.
const contrast = `(() => {
	const pixel = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
	const bytes = (color) => {
		pixel.clearRect(0, 0, 1, 1);
		pixel.fillStyle = color;
		pixel.fillRect(0, 0, 1, 1);
		return [...pixel.getImageData(0, 0, 1, 1).data];
	};
	const luminance = (color) => {
		const [r, g, b] = bytes(color).map((n) => n / 255).map((n) => n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const ratio = (one, other) => {
		const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
		return (light + 0.05) / (dark + 0.05);
	};
	const ground = (node) => {
		for (; node; node = node.parentElement) {
			const color = getComputedStyle(node).backgroundColor;
			if (bytes(color)[3] === 255) return color;
		}
		return "white";
	};
	return {luminance, ratio, ground};
})()`

func canBeRead(b *tab) {
	b.excuse("422")
	b.fleet.breakFile(true)
	b.click("#reload")
	b.until(`document.querySelector(".source")`)
	b.click(`#connection-rows [data-is="close"]`)
	for _, scheme := range []string{"light", "dark"} {
		b.prefer(scheme)
		darkness := evaluate[float64](b, `(({luminance, ground}) => luminance(ground(document.body)))(`+contrast+`)`)
		if dark := darkness < 0.05; dark != (scheme == "dark") {
			b.Errorf("%s: the background has a luminance of %.2f", scheme, darkness)
		}
		faint := evaluate[[]string](b, `(({ratio, ground}) => {
			const faint = new Set();
			for (const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walker.nextNode();) {
				const node = walker.currentNode.parentElement;
				if (!walker.currentNode.textContent.trim() || node.tagName === "title" || !node.checkVisibility() || node.closest(".hidden")) continue;
				const color = getComputedStyle(node)[node.namespaceURI.endsWith("svg") ? "fill" : "color"];
				const got = ratio(color, ground(node));
				if (got < 4.5) faint.add(got.toFixed(2) + " " + node.tagName + "." + node.className + " " + node.textContent);
			}
			return [...faint];
		})(`+contrast+`)`)
		if len(faint) > 0 {
			b.Errorf("%s: text too faint: %s", scheme, strings.Join(faint, "; "))
		}
	}
}

// reasons are all that a connection can end for.
const reasons = `client_fin upstream_fin client_reset upstream_reset client_lost upstream_lost
	idle_timeout first_message_timeout message_timeout heartbeat_only probe_unanswered reply_timeout idle_in_transaction max_lifetime
	deadline read_deadline write_deadline client_stalled upstream_stalled half_close_timeout
	connect_refused connect_timeout connect_failed no_endpoint tls_handshake_failed tls_handshake_timeout
	protocol_error message_too_large rate_limited evicted drained shutdown killed route_removed internal_error`

// oklch is a colour in a space in which distances are about as great as people see them.
type oklch struct {
	reason                 string
	lightness, chroma, hue float64 // hue in degrees
}

func (c oklch) distance(other oklch) float64 {
	angle := (c.hue - other.hue) * math.Pi / 180
	across := c.chroma*c.chroma + other.chroma*other.chroma - 2*c.chroma*other.chroma*math.Cos(angle)
	return math.Hypot(c.lightness-other.lightness, math.Sqrt(max(0, across)))
}

func tellsReasonsApart(b *tab) {
	for _, scheme := range []string{"light", "dark"} {
		b.prefer(scheme)
		colors := evaluate[[]string](b, `import("/reasons.js").then(({paint}) => {
			const {ratio, ground} = `+contrast+`;
			const panel = document.querySelector(".facts.panel");
			return `+literal(reasons)+`.split(/\s+/).map((reason) => {
				const swatch = document.createElement("span");
				swatch.className = "swatch";
				panel.append(swatch);
				paint(swatch, reason);
				const color = getComputedStyle(swatch).backgroundColor;
				swatch.remove();
				return ratio(color, ground(panel)).toFixed(2) + " " + color;
			});
		})`)
		var seen []oklch
		for i, reason := range strings.Fields(reasons) {
			var ratio float64
			c := oklch{reason: reason}
			if _, err := fmt.Sscanf(colors[i], "%f oklch(%f %f %f)", &ratio, &c.lightness, &c.chroma, &c.hue); err != nil || ratio < 3 {
				b.Errorf("%s: %s has %q, want a contrast of 3 or more", scheme, reason, colors[i])
			}
			for _, other := range seen {
				if d := c.distance(other); d < 0.02 { // what a person just notices
					b.Errorf("%s: %s and %s differ by %.3f only", scheme, reason, other.reason, d)
				}
			}
			seen = append(seen, c)
		}
	}
}
