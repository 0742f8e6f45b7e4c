/**
 * Arrays of numbers as V8 keeps them best (decision 129): as doubles in one piece, without a box for each and without the buffer
 * that a typed array has besides, which is larger than a few numbers are. Constant work but for making one.
 */

/** Never all zero: V8 would keep whole numbers in another way, and turn the array over with the first fraction. */
const template: number[] = [0.5];

/** So many zeros. */
export function doubles(length: number): number[] {
  while (template.length < length) template.push(0.5);
  return template.slice(0, length).fill(0);
}
