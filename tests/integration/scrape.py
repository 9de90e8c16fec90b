"""What the metrics page of a relay says (tests/integration/test_metrics.py is its test)."""
import re
import urllib.error
import urllib.request


def get(relay, path):
    try:
        with urllib.request.urlopen(f"http://{relay.metrics}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-z_]+="(?:[^"\\\n]|\\.)*"'
                    r'(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? (-?[0-9.e+-]+)')


def values(relay):
    """Series -> value; the page must be of the text format: each family once, with its help, type
    and samples together."""
    status, page = get(relay, "/metrics")
    assert status == 200 and page.endswith("\n"), page
    found, families, family = {}, set(), None
    for line in page.splitlines():
        if line.startswith("# HELP "):
            family, text = line[7:].split(" ", 1)
            assert family not in families and text, line
            families.add(family)
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            assert name == family and kind in ("counter", "gauge", "histogram"), line
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            name = match[1]
            if kind == "histogram":
                name = re.sub("_(bucket|sum|count)$", "", name)
            assert name == family, f"{line} in the family {family}"
            assert (kind == "counter") == name.endswith("_total") or kind == "histogram", line
            series = match[1] + (match[2] or "")
            assert series not in found, f"{series} twice"
            found[series] = float(match[3])
    return found


def dropped(relay):
    """Why the relay has dropped something: reasons and counts."""
    return {series: count for series, count in values(relay).items()
            if series.startswith("chappe_drops_total{") and count > 0}
