/** Options of every command; each takes a value. */
const WITH_VALUE = ['--config', '--state-dir', '--log-level'];

/** The words for the parser, and those of COMMAND in `vmnet vrf exec NAME [--] COMMAND...`, which are not ours to read. */
export interface Words {
  readonly own: readonly string[];
  readonly command: readonly string[];
}

/** yargs would take the options of COMMAND for its own, and its `007` for a number. */
export function splitWords(words: readonly string[]): Words {
  const [vrf, exec, name] = placesOfWords(words);
  if (vrf === undefined || exec === undefined || name === undefined) return { own: words, command: [] };
  if (words[vrf] !== 'vrf' || words[exec] !== 'exec') return { own: words, command: [] };
  const rest = words.slice(name + 1);
  return { own: words.slice(0, name + 1), command: rest[0] === '--' ? rest.slice(1) : rest };
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
