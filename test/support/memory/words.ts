// A line of `ip -batch` as words that are taken one after the other, or by their name.

export interface Words {
  /** The first two: the object and what is done to it. */
  verb(): string;
  next(): string;
  /** The word after `name`; it has to be there. */
  after(name: string): string;
  /** The word after `name`, if it is there. */
  value(name: string): string | undefined;
  flag(name: string): boolean;
  /** Nothing may be left: what nobody understands must not pass. */
  end(fail: (why: string) => never): void;
}

export function words(line: string): Words {
  const left = line.split(' ');
  const value = (name: string): string | undefined => {
    const at = left.indexOf(name);
    return at === -1 ? undefined : left.splice(at, 2)[1];
  };
  return {
    verb: () => left.splice(0, 2).join(' '),
    next: () => left.shift() ?? '',
    after: name => value(name) ?? '',
    value,
    flag: name => {
      const at = left.indexOf(name);
      if (at !== -1) left.splice(at, 1);
      return at !== -1;
    },
    end: fail => {
      if (left.length > 0) fail(`what is ${JSON.stringify(left.join(' '))}?`);
    },
  };
}
