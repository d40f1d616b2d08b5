/** Names of the tensors that are zero in an inserted block, so that it adds nothing to the residual stream. */
const ZEROED = /\.(self_attn\.o_proj|mlp\.down_proj)\.(weight|bias)$/;

export function isZeroedInCopies(name: string): boolean {
  return ZEROED.test(name);
}
