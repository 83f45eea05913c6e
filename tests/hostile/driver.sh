# Starts each attempt as a process of its own, by whose environment its processes are known, and says when one has ended
# by itself. The container ends from outside.
cd "$(dirname "$0")" || exit
for file in attempt-*; do
    case $file in
    *.py) interpreter=python3 ;;
    *) interpreter="Rscript --vanilla" ;;
    esac
    (ATTEMPT=$file $interpreter "$file"; name=${file#attempt-*-}; echo "ended ${name%.*}.") &
done
wait
while :; do sleep 1000; done
