/** Rows of equal height of which only those in sight are in the page. */

const OVERSCAN = 8

export class VirtualRows {
  readonly body: HTMLElement
  private count = 0
  private drawn: readonly [first: number, last: number] = [0, 0]
  private waiting = false

  constructor(
    /** What scrolls. */
    private readonly scroller: HTMLElement,
    private readonly height: number,
    private readonly draw: (index: number) => HTMLElement,
    /** What stands above the rows and stays. */
    private readonly above = 0,
  ) {
    this.body = document.createElement('div')
    this.body.className = 'virtual'
    scroller.addEventListener('scroll', () => this.later(), { passive: true })
    new ResizeObserver(() => this.later()).observe(scroller)
  }

  /** Shows other rows, from the top. */
  reset(count: number): void {
    this.count = count
    this.body.style.height = `${count * this.height}px`
    this.refresh()
  }

  /** Draws again what is in sight. */
  refresh(): void {
    this.drawn = [0, 0]
    this.body.replaceChildren()
    this.paint()
  }

  /** How many rows fit. */
  get page(): number {
    return Math.max(1, Math.floor((this.scroller.clientHeight - this.above) / this.height) - 1)
  }

  /** Brings a row into sight. */
  reveal(index: number): void {
    const top = index * this.height
    const room = this.scroller.clientHeight - this.above
    const { scrollTop } = this.scroller
    if (top < scrollTop) this.scroller.scrollTop = top
    else if (top + this.height > scrollTop + room) this.scroller.scrollTop = top + this.height - room
    this.paint()
  }

  private later(): void {
    if (this.waiting) return
    this.waiting = true
    requestAnimationFrame(() => {
      this.waiting = false
      this.paint()
    })
  }

  private paint(): void {
    const { scrollTop, clientHeight } = this.scroller
    const first = Math.max(0, Math.floor(scrollTop / this.height) - OVERSCAN)
    const last = Math.min(this.count, Math.ceil((scrollTop + clientHeight) / this.height) + OVERSCAN)
    if (first === this.drawn[0] && last === this.drawn[1]) return
    this.drawn = [first, last]
    const rows: HTMLElement[] = []
    for (let index = first; index < last; index++) {
      const row = this.draw(index)
      row.style.top = `${index * this.height}px`
      rows.push(row)
    }
    this.body.replaceChildren(...rows)
  }
}
