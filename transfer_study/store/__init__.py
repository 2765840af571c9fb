"""What was learned, on disk: write-once stage directories, and tables read from them."""
