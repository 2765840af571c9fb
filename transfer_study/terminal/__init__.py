"""What a person sees in the terminal; rich tables and views, plain lines where there is none."""
