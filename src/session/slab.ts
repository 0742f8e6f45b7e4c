/**
 * Memory in cells of one size, for what a peer can make a session hold: an array or map of small objects for each would
 * cost several times what it is charged. Cells come in blocks that belong to one session and are let go when they are
 * empty; a few are kept for the next who needs one. What stands in a cell is its user's. Constant work.
 */

/** Bytes of a block, about: few enough objects for each byte, and little that a session holds in vain. */
const BLOCK_BYTES = 16_384;
/** Empty blocks that a thread keeps. */
const MAX_KEPT = 64;

interface Block {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The first free cell; the others follow from cell to cell. -1: none. */
  free: number;
  used: number;
  /** Stands in the slab's list of blocks with free cells. */
  listed: boolean;
}

/** Empty blocks of cells of one size, for all sessions of a protocol in a thread. */
export class BlockPool {
  readonly cellBytes: number;
  readonly cellsPerBlock: number;
  private readonly kept: Block[] = [];

  /** `cellBytes`: at least 4. */
  constructor(cellBytes: number) {
    this.cellBytes = cellBytes;
    this.cellsPerBlock = Math.max(1, Math.floor(BLOCK_BYTES / cellBytes));
  }

  take(): Block {
    const block = this.kept.pop() ?? this.make();
    const { view } = block;
    for (let cell = 0; cell < this.cellsPerBlock; cell++) {
      const next = cell + 1 < this.cellsPerBlock ? cell + 1 : -1;
      view.setInt32(cell * this.cellBytes, next);
    }
    block.free = 0;
    block.used = 0;
    return block;
  }

  give(block: Block): void {
    if (this.kept.length < MAX_KEPT) this.kept.push(block);
  }

  private make(): Block {
    const bytes = new Uint8Array(this.cellsPerBlock * this.cellBytes);
    return { bytes, view: new DataView(bytes.buffer), free: 0, used: 0, listed: false };
  }
}

export class Slab {
  readonly cellBytes: number;
  /** Cells that are in use. */
  used = 0;
  private readonly pool: BlockPool;
  private readonly blocks: (Block | undefined)[] = [];
  /** Blocks that had a free cell when they were put here. */
  private readonly open: number[] = [];
  private readonly gaps: number[] = [];

  constructor(pool: BlockPool) {
    this.pool = pool;
    this.cellBytes = pool.cellBytes;
  }

  /** Blocks that it has of the pool. */
  get blocksHeld(): number {
    return this.blocks.length - this.gaps.length;
  }

  /** A cell for its taker alone; what stands in it is left from others. */
  take(): number {
    const { pool } = this;
    const index = this.openBlock();
    const block = this.blocks[index]!;
    const cell = block.free;
    block.free = block.view.getInt32(cell * pool.cellBytes);
    block.used++;
    this.used++;
    return index * pool.cellsPerBlock + cell;
  }

  give(cell: number): void {
    const { pool } = this;
    const index = Math.floor(cell / pool.cellsPerBlock);
    const block = this.blocks[index]!;
    const inBlock = cell % pool.cellsPerBlock;
    this.used--;
    block.used--;
    if (block.used === 0) {
      // It may stand in `open` still: `openBlock` passes over it there.
      block.listed = false;
      this.blocks[index] = undefined;
      this.gaps.push(index);
      pool.give(block);
      return;
    }
    block.view.setInt32(inBlock * pool.cellBytes, block.free);
    block.free = inBlock;
    if (!block.listed) this.list(index, block);
  }

  bytes(cell: number): Uint8Array {
    return this.blocks[Math.floor(cell / this.pool.cellsPerBlock)]!.bytes;
  }

  view(cell: number): DataView {
    return this.blocks[Math.floor(cell / this.pool.cellsPerBlock)]!.view;
  }

  /** Where the cell begins, in `bytes` and `view`. */
  at(cell: number): number {
    return (cell % this.pool.cellsPerBlock) * this.pool.cellBytes;
  }

  private list(index: number, block: Block): void {
    block.listed = true;
    this.open.push(index);
  }

  private openBlock(): number {
    const { open, blocks } = this;
    while (open.length > 0) {
      const index = open[open.length - 1]!;
      const block = blocks[index];
      if (block?.listed === true && block.free >= 0) return index;
      open.pop();
      if (block !== undefined) block.listed = false;
    }
    const index = this.gaps.pop() ?? blocks.length;
    const block = this.pool.take();
    blocks[index] = block;
    this.list(index, block);
    return index;
  }
}
