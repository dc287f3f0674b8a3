"""The llvm back end: rolled programs as machine code through llvmlite, a row in each lane of a vector.

It stands on loops, and knows nothing of training steps, whose text is printed beside their engine.

From the ground up: `ir` writes LLVM's text, `transpose` moves lanes, `vector_math` are functions of vectors,
`long_functions` are cut; `functions` spell the primitives, `members` of a tile are one long vector, `loops` write
groups, and `printer` writes a program. `row_terms`, `row_products` and `row_sums` add up gradients over rows, `engine`
compiles the text, and `call` runs it for one call after another.
"""
