/** Options of every command; each takes a value. */
const WITH_VALUE = ['--config', '--state-dir', '--log-level'];

/**
 * The words of `vmnet vrf exec NAME COMMAND...` with a `--` before COMMAND, whose options are its own and not ours; any
 * other words as they are.
 */
export function withCommandApart(words: readonly string[]): readonly string[] {
  const [vrf, exec, name] = placesOfWords(words);
  if (vrf === undefined || exec === undefined || name === undefined) return words;
  if (words[vrf] !== 'vrf' || words[exec] !== 'exec') return words;
  const rest = words.slice(name + 1);
  if (rest.length === 0) return words;
  return [...words.slice(0, name + 1), '--', ...(rest[0] === '--' ? rest.slice(1) : rest)];
}

/** Where the first three words are that are neither an option nor its value. */
function placesOfWords(words: readonly string[]): readonly number[] {
  const places: number[] = [];
  for (let i = 0; i < words.length && places.length < 3; i++) {
    const word = words[i] ?? '';
    if (word === '--') break;
    if (WITH_VALUE.includes(word)) i++;
    else if (!word.startsWith('-')) places.push(i);
  }
  return places;
}
