"""Where nodes, edges and labels stand, before anything is drawn."""
