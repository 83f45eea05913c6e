# Says what is installed where it runs, one thing in a line: `longshore:`, its kind, and what belongs to it, with tabs
# between. All else that is printed means nothing. It is a POSIX script, for any image that has `sh` and `env`.
#
# Arguments: the root of the files to look at (empty for `/`), PATH of scripts, python3, Rscript, `needs` to say which
# package of Debian needs which too, and how the two are started, as arguments of `env`: the number of those for Python,
# these, and those for R.

root=$1 path=$2 python=$3 rscript=$4 needs=$5 count=$6
shift 6
PATH=$path
LC_ALL=C
export PATH LC_ALL
cd /

failed() {
    printf 'longshore:failed\t%s\n' "$1"
}

has() {
    command -v "$1" >/dev/null 2>&1
}

printf 'longshore:machine\t%s\n' "$(uname -m)"

for file in "$root/etc/os-release" "$root/usr/lib/os-release"; do
    [ -r "$file" ] || continue
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        ID=*) printf 'longshore:os-id\t%s\n' "${line#ID=}" ;;
        VERSION_ID=*) printf 'longshore:os-version\t%s\n' "${line#VERSION_ID=}" ;;
        esac
    done <"$file"
    break
done
if [ -r "$root/etc/debian_version" ]; then
    IFS= read -r line <"$root/etc/debian_version"
    printf 'longshore:debian-version\t%s\n' "$line"
fi

if [ -s "$root/var/lib/dpkg/status" ]; then
    dpkg-query --admindir="$root/var/lib/dpkg" --show \
        --showformat='longshore:deb\t${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\n' ||
        failed dpkg-query
    [ -z "$needs" ] || dpkg-query --admindir="$root/var/lib/dpkg" --show \
        --showformat='longshore:deb-needs\t${Package}\t${Pre-Depends},${Depends}\n' || failed dpkg-query
fi

for file in "$root/lib/apk/db/installed" "$root/usr/lib/apk/db/installed"; do
    [ -s "$file" ] || continue
    name=
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        P:*) name=${line#P:} ;;
        V:*) version=${line#V:} ;;
        A:*) architecture=${line#A:} ;;
        '')
            [ -z "$name" ] || printf 'longshore:apk\t%s\t%s\t%s\n' "$name" "$version" "$architecture"
            name=
            ;;
        esac
    done <"$file"
    [ -z "$name" ] || printf 'longshore:apk\t%s\t%s\t%s\n' "$name" "$version" "$architecture"
    break
done

for folder in "$root/var/lib/rpm" "$root/usr/lib/sysimage/rpm"; do
    [ -s "$folder/rpmdb.sqlite" ] || [ -s "$folder/Packages" ] || [ -s "$folder/Packages.db" ] || continue
    rpm --dbpath "$folder" --query --all --queryformat \
        'longshore:rpm\t%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\t%{ARCH}\n' || failed rpm
    break
done

# As the agent starts scripts: with these variables alone.
start() {
    env -i ${TMPDIR:+"TMPDIR=$TMPDIR"} "$@" </dev/null
}

# The first arguments are Python's.
start_python() {
    number=0
    for argument; do
        [ "$number" -lt "$count" ] || break
        [ "$number" -gt 0 ] || set --
        set -- "$@" "$argument"
        number=$((number + 1))
    done
    start "$@"
}

start_r() {
    shift "$count"
    start "$@"
}

! has "$python" || start_python "$@" || failed python3
! has "$rscript" || start_r "$@" || failed Rscript
printf 'longshore:end\n'
