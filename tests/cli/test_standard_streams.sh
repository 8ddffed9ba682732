# Standard input, output and error that are closed or full: what is printed never ends in another file, and the reason is said.
. "$TESTS/cli/support.sh"

store="$work/store"
for closed in '>&-' '2>&-' '>&- 2>&-' '<&- >&- 2>&-'; do
    rm -rf "$store"
    eval "\"\$VALENCE\" synthesize \"\$store\" --train 60 --validation 20 --test 20 $closed"
    code=$?
    case $closed in
    2*) [ $code -eq 0 ] || wrong "synthesize $closed: exit code $code" ;;
    *) [ $code -eq 1 ] || wrong "synthesize $closed: exit code $code, not 1" ;;
    esac
    said="a store made with $closed"
    expect 0 doctor "$store" --verify
done

# No file that the command opens gets the number of a closed stream.
if [ -d /proc/self/fd ]; then
    "$VALENCE" synthesize "$work/large" --train 1000000 <&- >&- 2>&- &
    process=$!
    while [ ! -s "$work/large/data.mdb" ] && kill -0 $process; do
        sleep 0.1
    done
    for number in 0 1 2; do
        file=$(readlink "/proc/$process/fd/$number")
        [ "$file" = / ] || wrong "descriptor $number, closed before, is '$file'"
    done
    kill $process
    wait $process
fi

if [ -e /dev/full ]; then
    # Output of one piece, and of more than a buffer.
    for command in version 'train --print-config' 'help train'; do
        "$VALENCE" $command >/dev/full 2>"$work/err" && wrong "valence $command: a full disk goes unnoticed"
        said="valence $command >/dev/full"
        complains "cannot write the output: No space left on device"
    done
fi
"$VALENCE" train --print-config >&- 2>"$work/err" && wrong "a closed output goes unnoticed"
said="valence train --print-config >&-"
complains "cannot write the output: Bad file descriptor"
finish
