
# The driver. A machine of this skeleton is a file with labels; put your platform's calls into make,
# remove and machines.

handshake='{"protocol":"1.0","name":"@NAME@","version":"0.1.0","summary":"machines that are files, for a start",
"schema":{"type":"object","properties":{
"image":{"type":"string","default":"default","description":"What the machine is made from."}}},
"capabilities":{"methods":["driver/orphans","driver/reclaim"],"workstation":true,"transport":"exec"}}'

base() { printf '%s/@NAME@' "$(get /params/context/kitchen_dir)"; }
# make MACHINE: it bears the whole identity, so that it is found when the state is lost.
make() {
    mkdir -p "$(base)" && raw /params/context/identity >"$(base)/$1.new" && mv "$(base)/$1.new" "$(base)/$1"
}
# remove MACHINE: gone already is success.
remove() { rm -f "$(base)/$1"; }
# machines: the ids of all that were made and not removed. identity MACHINE: its labels.
machines() { [ ! -d "$(base)" ] || (cd "$(base)" && ls) | grep -v '\.new$'; }
identity() { cat "$(base)/$1"; }

# is_ours MACHINE, POINTER: whether it has the project and the instance of the identity at POINTER.
is_ours() {
    for key in project instance; do
        wanted=$(get "$2/$key")
        [ "$( (message=$(identity "$1" | awk "$flatten"); get /$key) )" = "$wanted" ] || return 1
    done
}
# note KEY VALUE: sets a key of $state.
note() {
    inner=${state#?}
    inner=${inner%?}
    [ "$(get "/params/state/$1")" = "$2" ] || state="{$inner${inner:+,}\"$1\":$(json "$2")}"
}

create() {
    are_texts image || return
    state=$(raw /params/state)
    machine=$(get /params/state/machine_id)
    [ -n "$machine" ] || machine=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
    note machine_id "$machine"
    note hostname 127.0.0.1
    note address 127.0.0.1
    # First it is noted, then it is made: a crash leaves nothing that destroy does not find.
    ask state/checkpoint "\"state\":$state"
    refused "note the state" && return
    if [ -e "$(base)/$machine" ] || make "$machine"; then
        result "{\"state\":$state}"
    else
        fail "make the machine $machine"
    fi
}

destroy() {
    machine=$(get /params/state/machine_id)
    for found in $(machines); do
        if [ "$found" = "$machine" ] || is_ours "$found" /params/context/identity; then
            remove "$found"
        fi
    done
    result '{"state":{}}'
}

status() {
    machine=$(get /params/state/machine_id)
    if [ -n "$machine" ] && [ -e "$(base)/$machine" ]; then
        result '{"status":"running"}'
    else
        result '{"status":"absent"}'
    fi
}

# Everything that bears labels of ours, of any project: what `kitchen gc` goes through.
orphans() {
    all=
    for found in $(machines); do
        all="$all,{\"identity\":$(identity "$found"),\"resource\":\"machine $found\",\"names\":[\"$found\"]}"
    done
    result "{\"orphans\":[${all#,}]}"
}

reclaim() {
    for found in $(machines); do
        if [ "$found" = "$(get /params/orphan/names/0)" ] && is_ours "$found" /params/orphan/identity; then
            remove "$found"
        fi
    done
    result '{"reclaimed":true}'
}

answer() {
    case $1 in
        initialize) result "$(printf '%s' "$handshake" | tr '\n' ' ')" ;;
        driver/create) create ;;
        driver/destroy) destroy ;;
        driver/status) status ;;
        driver/orphans) orphans ;;
        driver/reclaim) reclaim ;;
        shutdown) result '{}' ;;
        *) no_such_method ;;
    esac
}
serve
