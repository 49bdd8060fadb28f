set -u
LC_ALL=C
export LC_ALL

# Reads one line of JSON; writes a line for every value: its JSON pointer, a tab, the value. Line
# feeds, tabs and backslashes of strings are \n, \t and \\; true, false, null and numbers as written.
# With -v want=POINTER it writes that value alone, as it stands.
flatten='
function fail() { print "bad JSON at byte " at > "/dev/stderr"; exit 1 }
function blank() { while (substr(text, at, 1) ~ /[ \t\r]/) at++ }
function utf8(code) {
    if (code < 128) return sprintf("%c", code)
    if (code < 2048) return sprintf("%c%c", 192 + int(code / 64), 128 + code % 64)
    if (code < 65536) return sprintf("%c%c%c", 224 + int(code / 4096), 128 + int(code / 64) % 64, 128 + code % 64)
    return sprintf("%c%c%c%c", 240 + int(code / 262144), 128 + int(code / 4096) % 64, 128 + int(code / 64) % 64, 128 + code % 64)
}
function hex(digits,  i, code) {
    for (i = 1; i <= 4; i++) code = code * 16 + index("0123456789abcdef", tolower(substr(digits, i, 1))) - 1
    return code
}
function string(  out, rest, n, c, code) {
    at++
    while (1) {
        rest = substr(text, at)
        n = match(rest, /["\\]/)
        if (!n) fail()
        out = out substr(rest, 1, n - 1)
        at += n
        if (substr(rest, n, 1) == "\"") return out
        c = substr(text, at++, 1)
        if (c == "n") out = out "\\n"
        else if (c == "t") out = out "\\t"
        else if (c == "\\") out = out "\\\\"
        else if (c == "u") {
            code = hex(substr(text, at, 4)); at += 4
            if (code >= 55296 && code < 56320) {
                code = 65536 + (code - 55296) * 1024 + hex(substr(text, at + 2, 4)) - 56320; at += 6
            }
            out = out utf8(code)
        } else out = out (c == "b" ? "\b" : c == "f" ? "\f" : c == "r" ? "\r" : c)
    }
}
function key(name) { gsub(/~/, "~0", name); gsub("/", "~1", name); return name }
function value(path,  from) {
    blank(); from = at; parse(path)
    if (path == want) whole = substr(text, from, at - from)
}
function say(path, text) { if (want == "") print path "\t" text }
function parse(path,  c, i, name) {
    c = substr(text, at, 1)
    if (c == "{" || c == "[") {
        at++; blank()
        if (substr(text, at, 1) == (c == "{" ? "}" : "]")) { at++; return }
        for (i = 0; ; i++) {
            blank()
            if (c == "{") { name = key(string()); blank(); at++ } else name = i
            value(path "/" name); blank()
            if (substr(text, at++, 1) != ",") return
        }
    }
    if (c == "\"") { say(path, string()); return }
    match(substr(text, at), /^[-+.0-9A-Za-z]+/)
    if (RLENGTH < 1) fail()
    say(path, substr(text, at, RLENGTH)); at += RLENGTH
}
{ text = $0; at = 1; value(""); if (want != "") print whole }'

# Standard input as a string of JSON. A line feed at its end does not count.
quote='
BEGIN {
    for (i = 1; i < 32; i++) code[sprintf("%c", i)] = sprintf("\\u%04x", i)
    code["\""] = "\\\""; code["\\"] = "\\\\"
}
{
    line = $0
    if (line ~ /[\\"\001-\037]/) {
        line = ""
        for (i = 1; i <= length($0); i++) { c = substr($0, i, 1); line = line (c in code ? code[c] : c) }
    }
    all = all (NR > 1 ? "\\n" : "") line
}
END { printf "\"%s\"", all }'

# has POINTER, get POINTER [DEFAULT]: a value of the message; the default also in place of null.
has() { printf '%s\n' "$message" | awk -F '\t' -v p="$1" '$1 == p && $2 != "null" { found = 1 } END { exit !found }'; }
get() {
    if has "$1"; then
        printf '%b' "$(printf '%s\n' "$message" | awk -F '\t' -v p="$1" '$1 == p { print substr($0, length(p) + 2); exit }')"
    else
        printf '%s' "${2-}"
    fi
}
# raw POINTER: a value of the request as JSON, as it stands.
raw() { printf '%s\n' "$request" | awk -v want="$1" "$flatten"; }
# names POINTER: the keys of a map, one a line.
names() { printf '%s\n' "$message" | awk -F '\t' -v p="$1/" 'index($1, p) == 1 { print substr($1, length(p) + 1) }' | sed 's,~1,/,g; s,~0,~,g'; }
json() { printf '%s' "$1" | awk "$quote" | sed 's/^$/""/'; }
# word TEXT: one word for a shell.
word() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

result() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$call" "$1"; }
# fail MESSAGE [MORE]: MORE are further fields of the error's data.
fail() { printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32000,"message":%s,"data":{%s}}}\n' "$call" "$(json "$1")" "${2-}"; }

# ask METHOD PARAMS: asks the kitchen in the course of its request; the answer is in $answer.
ask() {
    printf '{"jsonrpc":"2.0","id":1,"method":"%s","params":{"call":%s,%s}}\n' "$1" "$call" "$2"
    IFS= read -r line || exit 0
    answer=$(printf '%s\n' "$line" | awk "$flatten") || exit 1
}
# of_answer POINTER: a value of the answer.
of_answer() { (message=$answer; get "$1"); }
# refused WHAT: whether the kitchen answered with an error; then it is told.
refused() {
    why=$(of_answer /error/message)
    [ -n "$why" ] && fail "$1: $why" '"kind":"machine"'
}
# on_machine COMMAND OUTPUT: runs a command on the instance, with the environment that the kitchen has
# for the user's code; its exit code is in $code. OUTPUT is `show`, `keep` or `both`.
on_machine() {
    ask connection/exec "\"connection\":$(raw /params/connection),\"command\":$(json "$1"),\"environment\":$(raw /params/context/environment),\"output\":\"$2\""
    refused "run a command on the instance" && return 1
    code=$(of_answer /result/exit_code)
}
# wrong KEY WHAT: the error of a setting.
wrong() { fail "$2" "\"kind\":\"config\",\"key\":\"/$1\""; }
# are_texts KEY...: whether these settings are texts, and no lists or maps; else it is told.
are_texts() {
    for key in "$@"; do
        if [ -n "$(names "/params/context/settings/$key")" ]; then
            wrong "$key" "this is no text"
            return 1
        fi
    done
}
# serve: answers each request by the function `answer`, which gets the method.
serve() {
    while IFS= read -r request; do
        message=$(printf '%s\n' "$request" | awk "$flatten") || exit 1
        call=$(get /id)
        [ -n "$call" ] || continue
        answer "$(get /method)"
    done
}
no_such_method() { printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}\n' "$call"; }
