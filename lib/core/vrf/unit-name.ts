/** As systemd-escape(1) does it. */
export function escapeUnit(text: string): string {
  return [...text]
    .map((char, i) => (/[A-Za-z0-9:_]/.test(char) || (char === '.' && i > 0) ? char : escaped(char)))
    .join('');
}

function escaped(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
