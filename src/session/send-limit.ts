/**
 * The sender's half of flow control (RFC 9000 4.1, for the connection as a whole): how many bytes of reliable messages
 * the other side accepts in all. Constant work.
 */
export class SendLimit {
  /** Cost of all messages that were given a number. */
  spentBytes = 0;
  /** What the other side has said last; never falls. */
  limitBytes: number;
  /**
   * A message was refused while a datagram was being planned: nothing behind it may take what it waits for, or
   * small messages of low priority would starve a large one.
   */
  blocked = false;
  private readonly budgetBytes: number;

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes;
    this.limitBytes = budgetBytes;
  }

  /**
   * Whether a message of this cost may be given a number. When the other side has handed on all there was, one
   * message may go whatever it costs: it is the next in order.
   */
  allows(costBytes: number): boolean {
    if (this.blocked) return false;
    if (this.spentBytes + costBytes <= this.limitBytes) return true;
    if (this.limitBytes - this.budgetBytes >= this.spentBytes) return true;
    this.blocked = true;
    return false;
  }

  spend(costBytes: number): void {
    this.spentBytes += costBytes;
  }

  /** True: the limit has risen. */
  raise(limitBytes: number): boolean {
    if (limitBytes <= this.limitBytes) return false;
    this.limitBytes = limitBytes;
    return true;
  }
}
