import { quoted, VmnetError } from '../errors.ts';

declare const ifnameBrand: unique symbol;
/** A name that the kernel takes for a link and that is safe as an argument, a file name and an nft string. */
export type Ifname = string & { readonly [ifnameBrand]: true };

/** IFNAMSIZ is 16 with the terminating NUL. */
const MAX_LENGTH = 15;

/**
 * Parses a link name. Narrower than the kernel's dev_valid_name(), which allows quotes, semicolons
 * and non-ASCII: those have no business in an nft string or on a command line.
 */
export function parseIfname(text: string, where: string): Ifname {
  const problem = ifnameProblem(text);
  if (problem !== undefined) {
    throw new VmnetError('request', `${quoted(text)} is no link name: ${problem}`, {
      where,
      hint: 'give a name as `ip link` prints it, such as tap0',
    });
  }
  return text as Ifname;
}

function ifnameProblem(text: string): string | undefined {
  if (text === '') return 'it is empty';
  if (text.length > MAX_LENGTH) return `it has ${text.length} characters, the kernel takes ${MAX_LENGTH}`;
  if (text.startsWith('-')) return 'it starts with a dash';
  if (text === '.' || text === '..' || text === 'all' || text === 'default') return 'it is reserved';
  if (!/^[A-Za-z0-9_.@+-]+$/.test(text)) return 'only letters, digits and _ . @ + - are accepted';
  return undefined;
}
