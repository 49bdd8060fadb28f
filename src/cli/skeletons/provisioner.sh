
# The provisioner. This skeleton runs a command on the instance.

handshake='{"protocol":"1.0","name":"@NAME@","version":"0.1.0","summary":"a command on the instance, for a start",
"schema":{"type":"object","properties":{
"command":{"type":"string","default":"true","description":"What is run on the instance."}}},
"examples":{"good":{"command":"echo done"},"failing":{"command":"exit 3"},
"wrong":{"settings":{"command":["a list"]},"key":"/command"}}}'

converge() {
    are_texts command || return
    command=$(get /params/context/settings/command true)
    on_machine "$command" show || return
    if [ "$code" = 0 ]; then
        # What was changed, a line each; null where it cannot be told. With "provisioner/tells_changes"
        # among the methods of the capabilities it must always be told.
        result '{"changes":null}'
    else
        fail "$command: exit code $code" "\"kind\":\"action\",\"exit_code\":$code"
    fi
}

answer() {
    case $1 in
        initialize) result "$(printf '%s' "$handshake" | tr '\n' ' ')" ;;
        provisioner/converge) converge ;;
        shutdown) result '{}' ;;
        *) no_such_method ;;
    esac
}
serve
