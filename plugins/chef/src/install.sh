# Installs a product of Chef or Cinc, as root. The lines above set: product, root (where it is
# installed), strategy (once, always or a version), version, script_url, options, package_url,
# checksum, scratch (for downloads).

fail() {
    echo "$1" >&2
    exit "${2:-1}"
}

has() {
    command -v "$1" >/dev/null 2>&1
}

fetch() { # URL FILE
    case $1 in
    file://*) cp "${1#file://}" "$2" && return ;;
    *)
        if has curl; then
            curl -fsSL -o "$2" "$1" && return
        elif has wget; then
            wget -q -O "$2" "$1" && return
        elif has python3; then
            python3 -c 'import sys, urllib.request; urllib.request.urlretrieve(*sys.argv[1:])' "$1" "$2" && return
        elif has perl && perl -MHTTP::Tiny -e 1 2>/dev/null; then
            perl -MHTTP::Tiny -e '$r = HTTP::Tiny->new->mirror(@ARGV); $r->{success} or die "$r->{status} $r->{reason}\n"' "$1" "$2" && return
        else
            fail "there is no curl, wget or python3 to download $1 with" 10
        fi
        ;;
    esac
    fail "download of ${1%%\?*} failed" 40
}

sum() { # FILE
    if has sha256sum; then
        sha256sum "$1"
    elif has shasum; then
        shasum -a 256 "$1"
    elif has openssl; then
        openssl dgst -sha256 -r "$1"
    else
        fail "there is no sha256sum, shasum or openssl to check $1 with"
    fi
}

installed_version() {
    if [ -f "$root/version-manifest.txt" ]; then
        head -n 1 "$root/version-manifest.txt" | cut -d ' ' -f 2
    else
        for program in "$root/bin/chef-client" "$root/bin/chef-solo"; do
            [ -x "$program" ] && "$program" -v | sed 's/.*[: ]//' && return
        done
    fi
}

is_there() {
    [ -d "$root/bin" ] || return 1
    case $strategy in
    always) return 1 ;;
    once) return 0 ;;
    esac
    # One may be the beginning of the other: 12 is 12.4.1, and 12.4.1 is 12.4.1-1.
    have=$(installed_version)
    case $have in
    "") return 1 ;;
    "$strategy"*) return 0 ;;
    esac
    case $strategy in "$have"*) return 0 ;; esac
    return 1
}

install_package() { # FILE
    case $1 in
    *.rpm) rpm -Uvh --oldpackage --replacepkgs "$1" ;;
    *.deb) dpkg -i "$1" ;;
    *.sh) sh "$1" ;;
    *) fail "$1 is no rpm, deb or sh" ;;
    esac
}

if is_there; then
    echo "$product is installed in $root"
    exit 0
fi
mkdir -p "$scratch" || fail "cannot make $scratch"
if [ -n "$package_url" ]; then
    name=${package_url%%\?*}
    file=$scratch/${name##*/}
    echo "downloading $name"
    fetch "$package_url" "$file"
    if [ -n "$checksum" ]; then
        found=$(sum "$file") || exit
        found=${found%% *}
        [ "$found" = "$checksum" ] || fail "$name has the SHA-256 $found, not $checksum"
    fi
    install_package "$file"
else
    echo "installing $product${version:+ $version} by ${script_url%%\?*}"
    fetch "$script_url" "$scratch/install.sh"
    # The options are words.
    TMPDIR=$scratch sh "$scratch/install.sh" $options
fi
code=$?
[ "$code" -eq 0 ] || fail "the installation of $product ended with exit code $code" "$code"
rm -rf "$scratch"
