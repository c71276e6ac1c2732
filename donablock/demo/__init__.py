"""`make demo`: a whole giving economy on a local chain, and the proof that no wei is lost.

    python -m donablock.demo          run it: build/demo/{summary.json,report.html,chain.json,...}
    python -m donablock.demo open     open the chain it left, for wallets, scripts and the page

Nothing here is needed to give on a real network; everything it does goes through the same
contracts, the same deployment and the same ABI as there. All money is an integer in the asset's
smallest unit.
"""
