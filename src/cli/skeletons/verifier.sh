
# The verifier. This skeleton runs a command on the instance that must succeed.

handshake='{"protocol":"1.0","name":"@NAME@","version":"0.1.0","summary":"a command that must succeed, for a start",
"schema":{"type":"object","properties":{
"command":{"type":"string","default":"true","description":"What must succeed on the instance."}}},
"examples":{"good":{"command":"test -d /"},"failing":{"command":"echo no such luck; false"},
"wrong":{"settings":{"command":["a list"]},"key":"/command"}}}'

verify() {
    are_texts command || return
    command=$(get /params/context/settings/command true)
    on_machine "$command" both || return
    # Failed tests are cases and no error; no case means that there are no tests.
    if [ "$code" = 0 ]; then
        result "{\"cases\":[{\"name\":$(json "$command"),\"status\":\"passed\"}]}"
    else
        why="exit code $code: $(of_answer /result/out)$(of_answer /result/err)"
        result "{\"cases\":[{\"name\":$(json "$command"),\"status\":\"failed\",\"message\":$(json "$why")}]}"
    fi
}

answer() {
    case $1 in
        initialize) result "$(printf '%s' "$handshake" | tr '\n' ' ')" ;;
        verifier/verify) verify ;;
        shutdown) result '{}' ;;
        *) no_such_method ;;
    esac
}
serve
