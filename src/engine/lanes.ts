/** A place for one table at a time. All that run there are on one worker, which keeps what they have in common. */
export interface Lane {
  /** Thread id of its worker, once it has one. */
  worker: number | null
}

/** A table that waits longer than this for the one before it is worth another worker, which reads everything itself. */
const PATIENCE_MILLISECONDS = 250

/** Puts an image's tables one after another, and side by side where they take long. */
export class Lanes {
  /** Every lane there is. */
  readonly all: Lane[] = []
  private readonly idle: Lane[] = []
  private readonly waiting: ((lane: Lane) => void)[] = []

  constructor(private readonly most: number) {}

  async run<T>(work: (lane: Lane) => Promise<T>): Promise<T> {
    const lane = this.idle.pop() ?? (this.all.length === 0 ? this.open() : await this.wait())
    try {
      return await work(lane)
    } finally {
      const next = this.waiting.shift()
      if (next === undefined) this.idle.push(lane)
      else next(lane)
    }
  }

  private open(): Lane {
    const lane: Lane = { worker: null }
    this.all.push(lane)
    return lane
  }

  private wait(): Promise<Lane> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        if (this.all.length >= this.most) return
        this.waiting.splice(this.waiting.indexOf(take), 1)
        resolve(this.open())
      }, PATIENCE_MILLISECONDS)
      const take = (lane: Lane): void => {
        clearTimeout(timer)
        resolve(lane)
      }
      this.waiting.push(take)
    })
  }
}
