"""What kind of tensor an operator makes: rules that the entries of `formulas` name."""
